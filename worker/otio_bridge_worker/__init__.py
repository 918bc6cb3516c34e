"""The processes: worker, poller, supervisor, private queue server."""
