"""The desk is everybody's own."""

from tests.architecture.access import Route

ROUTES = {
    "desk": Route(),
    "desk_of_year": Route(kwargs=lambda world: {"year": 2023}),
    "desk_charts": Route(kwargs=lambda world: {"year": 2023}),
    "desk_panels": Route(kwargs=lambda world: {"year": 2023}),
    "counts": Route(kwargs=lambda world: {"year": 2023}),
}
