"""Shipped for plug-in authors and tests: frame-coded media, a sandbox service, the provider conformance suite."""
