"""The cells of the notebooks of these tests; what they work with is in ``scenes``."""

from __future__ import annotations

PRELUDE = """
from tests.browser.scenes import HEIGHT, WIDTH, make_scene, seconds_to_stop
from textseg.panels import CreatePanel, EditPanel, SegmentPanel
scene = make_scene()
gate, toolbox = scene.gate, scene.toolbox
"""
SEGMENT = """
panel = SegmentPanel(scene.image, queries=["tree", "boat"], toolbox=toolbox)
panel
"""
EDIT = """
panel = EditPanel(scene.image, query="tree", target="boat", toolbox=toolbox)
panel
"""
CREATE = """
scene = make_scene("picturebook")
gate, toolbox = scene.gate, scene.toolbox
panel = CreatePanel("a tree", toolbox=toolbox)
panel.controller.height, panel.controller.width = HEIGHT, WIDTH
panel
"""
