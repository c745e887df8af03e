# not-applicable: users of Windows have no numbers
FROM mcr.microsoft.com/windows/nanoserver:ltsc2022
USER ContainerUser
