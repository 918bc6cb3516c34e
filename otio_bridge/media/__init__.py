"""The only place that runs ffmpeg or imports av."""
