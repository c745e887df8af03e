resource "aws_ecr_repository" "this" { # label: it is destroyed
  name = "this"
}
