"""A patcher for each format an editor writes."""
