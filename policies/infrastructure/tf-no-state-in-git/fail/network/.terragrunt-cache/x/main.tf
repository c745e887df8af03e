# copied
