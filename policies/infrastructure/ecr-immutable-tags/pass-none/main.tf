resource "aws_ecrpublic_repository" "tool" {
  repository_name = "tool"
}
