"""OTIO Bridge: a timeline goes out as shots and comes back as takes."""

__version__ = "0.1.0"
