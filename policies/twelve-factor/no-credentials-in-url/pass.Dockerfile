ARG PROXY=http://proxy.example.com:3128
FROM debian:13.2
ARG TOKEN
RUN git clone https://x:${TOKEN}@git.example.com/cart && curl "http://$USER:$PASS@host"
ENV DATABASE_URL=postgres://cart:$DB_PASSWORD@db/cart
