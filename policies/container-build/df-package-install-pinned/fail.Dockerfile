FROM python:3.13-slim
# expect[unpinned low certain]: `gunicorn`, `flask>=3` is installed by `pip` in whatever version there is
RUN pip install --no-cache-dir --upgrade pip gunicorn "flask>=3"
# expect[unpinned]: `typescript`, `@angular/cli@latest` is installed by `npm`
RUN npm install -g typescript @angular/cli@latest eslint@9.1.0
# expect[unpinned]: `bundler` is installed by `gem`
RUN gem install bundler
# expect[unpinned]: `example.com/tool@latest` is installed by `go`
RUN go install -tags x example.com/tool@latest
# expect[unpinned]: `cargo-chef` is installed by `cargo`
RUN cargo install cargo-chef
# expect[unpinned]: `https://github.com/example/tool` is installed by `cargo`
RUN cargo install --git https://github.com/example/tool
COPY package.json package-lock.json ./
# expect[npm-install low likely]: `npm install` may change what the lock file says
RUN npm install --omit=dev
