module example.com/cart

go 1.25

require (
	example.com/local v0.0.0
	golang.org/x/net v0.47.0
)

replace example.com/local => ../local
