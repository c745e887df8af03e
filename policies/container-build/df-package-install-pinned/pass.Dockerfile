FROM python:3.13-slim
ARG TOOL=tool==1.0
RUN pip install --no-cache-dir -r requirements.txt && pip install --upgrade pip setuptools wheel
RUN python -m pip install gunicorn==23.0.0 "flask[async]==3.1.0" . ./shop-1.0-py3-none-any.whl $TOOL
RUN pip install --index-url https://pypi.example.com/simple tool==1.0
RUN npm install -g eslint@9.1.0 @angular/cli@^19 && npm install && npm ci
RUN gem install bundler -v 2.6.0 && bundle install
RUN go install example.com/tool@v1.4.2 && go install ./... && go install tool
RUN cargo install --locked cargo-chef && cargo install --path . && cargo install ripgrep@14.1.1
RUN cargo install --git https://github.com/example/tool --rev 87bce11b
