# settings: {"date": "2027-01-30"}
# params: {"warn_days": 90}
FROM alpine:3.22.1
