"""整改与结果应用. Nothing is built here yet; the place in the layers is kept."""
