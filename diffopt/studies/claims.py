"""How far a gain reaches that a study found."""

from typing import Literal

#: On no data, on Gaussian data with the spectrum, also on data that are not Gaussian.
Claim = Literal["no", "gaussian", "wider"]
