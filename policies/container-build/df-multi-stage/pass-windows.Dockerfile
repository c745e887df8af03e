# not-applicable: Windows
FROM mcr.microsoft.com/dotnet/sdk:9.0-windowsservercore-ltsc2022
CMD ["app"]
