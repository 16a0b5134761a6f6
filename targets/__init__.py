"""绩效目标. Nothing is built here yet; the place in the layers is kept."""
