//! What one operation does to the books of a home region. (under construction)
