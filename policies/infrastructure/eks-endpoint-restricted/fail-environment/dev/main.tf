# params: {"production_only": true}
resource "aws_eks_cluster" "shop" {
  name = "shop-dev"

  vpc_config {
    subnet_ids = []
  }
}
