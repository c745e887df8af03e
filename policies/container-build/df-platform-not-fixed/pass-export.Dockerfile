# A file for an export, that starts nothing.
FROM --platform=$BUILDPLATFORM scratch
COPY schema.json /
