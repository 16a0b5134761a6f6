"""总结与看板: desks now; the annual summary later."""
