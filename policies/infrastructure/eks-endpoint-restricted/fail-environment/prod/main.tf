# params: {"production_only": true}
resource "aws_eks_cluster" "shop" {
  name = "shop"

  vpc_config { # expect[open]: everybody reaches the API
    subnet_ids = []
  }
}
