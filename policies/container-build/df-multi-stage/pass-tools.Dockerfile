# not-applicable: it is a base, or holds tools
FROM golang:1.25
RUN go install example.com/tool@v1.2.3
CMD ["bash"]
