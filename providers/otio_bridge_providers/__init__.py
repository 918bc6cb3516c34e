"""Providers, one small file each, behind the one contract in otio_bridge.provider."""
