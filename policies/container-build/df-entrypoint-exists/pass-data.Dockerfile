# not-applicable: the file does not say what the image starts
FROM scratch
COPY a /a
