"""绩效评价. Nothing is built here yet; the place in the layers is kept."""
