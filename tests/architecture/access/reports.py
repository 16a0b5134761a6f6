"""The desk is everybody's own; the history belongs to the bureau's, departments' and units' people."""

from organisations.roles import BUREAU_STAFF, DEPARTMENT_STAFF
from tests.architecture.access import Route, holds

ROUTES = {
    "desk": Route(),
    "desk_of_year": Route(kwargs=lambda world: {"year": 2023}),
    "desk_charts": Route(kwargs=lambda world: {"year": 2023}),
    "desk_panels": Route(kwargs=lambda world: {"year": 2023}),
    "counts": Route(kwargs=lambda world: {"year": 2023}),
    # Which rows it shows to whom: tests/reports/test_history.py.
    "history": Route(
        allowed=holds(*BUREAU_STAFF, *DEPARTMENT_STAFF), kwargs=lambda world: {"year": 2023}, refused={403}
    ),
}
