"""OTIO Bridge in OpenTimelineIO: the media linker `otio_bridge` adds a project's takes to what is read.

OpenTimelineIO finds this by the entry-point group `opentimelineio.plugins` and reads plugin_manifest.json.
Imported at every start of OpenTimelineIO, so nothing is imported here.
"""
