# settings: {"date": "2027-01-30"}
# expect[ends-soon info]: `alpine:3.22.1` is of alpine 3.22, which gets no fixes after 2027-05-01
FROM alpine:3.22.1
# params: {"warn_days": 91}
