# not-applicable: the image starts nothing
FROM ubuntu:24.04
