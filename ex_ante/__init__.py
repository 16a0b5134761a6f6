"""事前绩效评估. Nothing is built here yet; the place in the layers is kept."""
