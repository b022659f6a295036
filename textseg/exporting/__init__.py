"""Labels of many pictures, written as other tools read them. One format = one file."""
