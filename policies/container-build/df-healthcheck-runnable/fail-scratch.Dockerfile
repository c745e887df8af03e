FROM scratch
COPY app /app
# expect[no-program]: `wget` is not in `scratch`
HEALTHCHECK CMD ["wget", "-q", "http://localhost/"]
