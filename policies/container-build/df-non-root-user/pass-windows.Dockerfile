# not-applicable: Windows
FROM mcr.microsoft.com/windows/nanoserver:ltsc2022
COPY app.exe /app.exe
ENTRYPOINT ["/app.exe"]
