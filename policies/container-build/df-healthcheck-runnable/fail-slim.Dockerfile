FROM python:3.13-slim
COPY . .
# expect[no-program high likely]: `curl` is not in `python:3.13-slim`, and nothing installs it
HEALTHCHECK CMD curl -f http://localhost:8080/ || exit 1
