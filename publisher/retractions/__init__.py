"""The data of retractions on this machine, and where they come from."""

from publisher.retractions.file import RetractionFile as RetractionFile
