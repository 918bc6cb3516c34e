"""The only place that imports opentimelineio: reading edits, finding shots, relinking."""
