"""Floor 0: values, state tables and policies. Nothing here reads a clock, a file or a socket."""
