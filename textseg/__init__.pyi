import IPython.core.interactiveshell as shells

from . import errors as errors
from .editing.external import Instructions as Instructions
from .editing.external import external as external
from .editing.planning import EditPlan as EditPlan
from .editing.result import Edit as Edit
from .editing.result import constrain as constrain
from .exporting.export import export_labels as export_labels
from .labelling.label import label as label
from .labelling.many import segment_many as segment_many
from .progress import CancelToken as CancelToken
from .progress import Progress as Progress
from .registry.editors import load_editor as load_editor
from .registry.methods import methods as methods
from .registry.models import models as models
from .retouching.actions import Retouched as Retouched
from .retouching.actions import retouch as retouch
from .retouching.arranging import Arranged as Arranged
from .retouching.arranging import arrange as arrange
from .scene import Creation as Creation
from .scene import Scene as Scene
from .scene import edit as edit
from .scene import generate_and_edit as generate_and_edit
from .scene import load as load
from .scene import segment as segment
from .segmentation.mask import Mask as Mask
from .segmentation.picking import Region as Region
from .segmentation.places import place as place
from .segmentation.refine import RefineSettings as RefineSettings
from .segmentation.result import Segmentation as Segmentation
from .segmentation.result import Segmentations as Segmentations
from .segmentation.soften import SoftenSettings as SoftenSettings
from .version import __version__ as __version__

__all__: list[str]

def load_ipython_extension(shell: shells.InteractiveShell) -> None: ...
