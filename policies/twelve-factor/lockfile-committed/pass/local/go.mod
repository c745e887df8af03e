module example.com/local

go 1.25

require example.com/plain v0.0.0

replace example.com/plain => ../plain
