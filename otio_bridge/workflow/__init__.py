"""The verbs, each a function on App; only here do timeline, store and media meet."""
