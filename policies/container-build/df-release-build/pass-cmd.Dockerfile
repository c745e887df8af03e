# not-evaluated: a script is not read to its end: it is a script for `cmd`
FROM mcr.microsoft.com/windows/nanoserver:ltsc2022
RUN if exist C:\app ( cargo build )
