# not-applicable: `dev` says that it is for development
FROM golang:1.25 AS dev
CMD ["air"]
