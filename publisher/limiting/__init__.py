"""How fast mail may leave, over all workers together: `ports.Limiter` on pyrate-limiter."""

from publisher.limiting.shared import SharedLimiter

__all__ = ["SharedLimiter"]
