resource "aws_backup_vault" "dev" { # label: it is destroyed
  name = "dev"
}
