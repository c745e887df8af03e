FROM scratch
WORKDIR /app
COPY --from=build /out/shop /bin/shop
# expect[missing]: nothing brings it to `/app/shop`
CMD ["./shop"]
