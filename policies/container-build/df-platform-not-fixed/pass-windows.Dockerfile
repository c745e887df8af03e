# not-applicable: Windows
FROM --platform=windows/amd64 mcr.microsoft.com/windows/servercore:ltsc2022
