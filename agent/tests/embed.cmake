# Writes INPUT as pieces of a C++ raw string literal to OUTPUT (compilers cap one literal's size).
file(READ ${INPUT} text)
string(REPLACE "\nclass " ")PIECE\"\nR\"PIECE(\nclass " text "${text}")
string(REPLACE "\ndef " ")PIECE\"\nR\"PIECE(\ndef " text "${text}")
file(WRITE ${OUTPUT} "R\"PIECE(${text})PIECE\"\n")
