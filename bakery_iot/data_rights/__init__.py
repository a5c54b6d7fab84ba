"""Everything of a bakery, given away or deleted. It belongs to no app: it sees the tables of all of them."""
