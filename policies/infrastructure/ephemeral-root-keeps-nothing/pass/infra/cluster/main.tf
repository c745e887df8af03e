resource "aws_eks_cluster" "dev" {
  name = "dev"
}

data "aws_ecr_repository" "shop" {
  name = "shop"
}
