"""How often corrections are right, how often they are wrong, and what they cost, beside Norvig's way and SymSpell."""
