from diffopt.api.best_eta import best_eta as best_eta
from diffopt.api.budget import budget as budget
from diffopt.api.check import check as check
from diffopt.api.compare import compare as compare
from diffopt.api.estimate import estimate as estimate
from diffopt.api.evaluate import evaluate as evaluate
from diffopt.api.export import export as export
from diffopt.api.from_loss import from_loss as from_loss
from diffopt.api.load import load as load
from diffopt.api.names import explain as explain
from diffopt.api.names import names as names
from diffopt.api.optimize import optimize as optimize
from diffopt.api.orders import orders as orders
from diffopt.api.posterior import posterior as posterior
from diffopt.api.read_spectrum import read_spectrum as read_spectrum
from diffopt.api.recommend import recommend as recommend
from diffopt.api.schema import schema as schema
from diffopt.api.shift import shift as shift
from diffopt.api.siem import siem as siem
from diffopt.api.siem_collect import siem_collect as siem_collect
from diffopt.api.simulate import simulate as simulate
from diffopt.api.synthesize import synthesize as synthesize
from diffopt.data.dataset import Dataset as Dataset
from diffopt.data.ensemble import Ensemble as Ensemble
from diffopt.data.spectrum import Spectrum as Spectrum
from diffopt.errors import DiffoptError as DiffoptError
from diffopt.errors import InputError as InputError
from diffopt.errors import UnsupportedError as UnsupportedError

NAMES: dict[str, str]
__version__: str
