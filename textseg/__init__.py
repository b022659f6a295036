"""Say what you mean in words, see exactly where a diffusion model thinks it is.

    import textseg

    found = textseg.segment("photo.jpg", "red house")       # where is it, and is it there at all?
    found.soft, found.presence, found.regions()

    scene = textseg.Scene.open("photo.jpg")                 # read once, asked often
    scene.segment_all(["tree", "red house"])["tree"].save("masks")
    scene.select("red house and not door").pick("left")     # masks are put together
    scene.edit("red house", "blue house").image             # all else stays, bit for bit

Importing this package loads no model and no heavy library; each name does so when it is used. The
public names stand in ``__init__.pyi``, once, and the errors in ``textseg.errors``.
"""

from __future__ import annotations

from lazy_loader import attach_stub

TYPE_CHECKING = False  # as `typing` has it, which takes a moment to load
if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Give a notebook ``%textseg``, ``%segment``, ``%%edit``; called by ``%load_ext textseg``."""
    from textseg.panels.magics import register

    register(shell)
