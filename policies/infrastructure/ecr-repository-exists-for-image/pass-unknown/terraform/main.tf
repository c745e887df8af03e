variable "names" {
  type = set(string)
}

resource "aws_ecr_repository" "services" {
  for_each = var.names
  name     = each.key
}
